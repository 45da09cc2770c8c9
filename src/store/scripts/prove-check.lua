-- Proves that a worker may be answered: that it runs the check, whose report is not there yet, and did not ask this before.
-- KEYS: 1 claim (hash)  2 report
-- ARGV: 1 worker  2 number of the request  3 entry of the request  4 '1' when a hold is needed
-- Returns 'proven', 'lost' or 'repeated'
local holder, number, entry = unpack(redis.call('HMGET', KEYS[1], 'worker', 'number', 'entry'))
if holder ~= ARGV[1] then return 'lost' end
if ARGV[4] == '1' and redis.call('EXISTS', KEYS[2]) == 1 then return 'lost' end
number = tonumber(number or '0')
if tonumber(ARGV[2]) < number then return 'repeated' end
if tonumber(ARGV[2]) == number then return entry == ARGV[3] and 'proven' or 'repeated' end
redis.call('HSET', KEYS[1], 'number', ARGV[2], 'entry', ARGV[3])
return 'proven'
