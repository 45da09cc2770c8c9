-- leave-room
-- Takes a job out of a room, or its deployment out of the queue before it when this is the job that it stands there for.
-- KEYS: 1 queue (sorted set)  2 holders (sorted set)  3 turns (sorted set)  4 asks (hash)
-- ARGV: 1 deployment  2 deployment/job  3 '1' to leave the queue as well
-- Returns the deployment whose turn it is, or false
local left = redis.call('ZREM', KEYS[2], ARGV[2])
local asked = redis.call('HGET', KEYS[4], 'ask:' .. ARGV[1])
if ARGV[3] == '1' and asked and string.match(asked, '%S+$') == ARGV[2] then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[4], 'ask:' .. ARGV[1])
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
if not first and redis.call('ZCARD', KEYS[2]) == 0 then redis.call('DEL', KEYS[3], KEYS[4]) end
return left == 1 and first or false
