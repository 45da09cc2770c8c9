-- Notes when the lock of an ended job was given back, while its deployment is there.
-- KEYS: 1 jobs (hash)  2 marks (hash)
-- ARGV: 1 job id
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
local time = redis.call('TIME')
return redis.call('HSETNX', KEYS[2], 'settled:' .. ARGV[1], time[1] * 1000 + math.floor(time[2] / 1000))
