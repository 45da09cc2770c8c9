-- Stores a worker's record with the time of Redis, and drops those not heard for long.
-- KEYS: 1 records (hash)  2 seen (sorted set)
-- ARGV: 1 worker id  2 record (JSON)  3 ms after which a record is dropped
-- Returns 1 when it was asked to drain, else 0
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[3]))) do
  redis.call('HDEL', KEYS[1], id, id .. '#drain')
  redis.call('ZREM', KEYS[2], id)
end
return redis.call('HEXISTS', KEYS[1], ARGV[1] .. '#drain')
