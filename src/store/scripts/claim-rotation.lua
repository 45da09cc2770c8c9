-- Gives the turn of an account to one process, under a number that grows and a token that no other turn ever had: Redis may forget the number.
-- KEYS: 1 journal (hash)  2 due (sorted set)  3 targets (hash)
-- ARGV: 1 target  2 target (JSON) as read  3 journal of an account that was never looked at (JSON)  4 ms  5 token
-- Returns { fence, rotation (JSON), wish (JSON) or '', ms of Redis }, or false when the turn is another's or the target is not as it was read
if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then return false end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder = redis.call('HGET', KEYS[1], 'holder')
-- The answer to the same claim may have been lost.
if holder ~= ARGV[5] and tonumber(redis.call('HGET', KEYS[1], 'until') or '0') > now then return false end
if holder ~= ARGV[5] then redis.call('HINCRBY', KEYS[1], 'fence', 1) end
redis.call('HSET', KEYS[1], 'holder', ARGV[5], 'until', now + ARGV[4])
redis.call('HSETNX', KEYS[1], 'rotation', ARGV[3])
redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[1])
local journal = redis.call('HMGET', KEYS[1], 'fence', 'rotation', 'wish')
return { journal[1], journal[2], journal[3] or '', string.format('%.0f', now) }
