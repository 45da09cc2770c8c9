-- Notes that a program uses the data, and drops those that were not heard for long.
-- KEYS: 1 programs (sorted set)
-- ARGV: 1 program: the version that it knows, and its name  2 ms after which one that is silent is dropped
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
return 1
