-- Says that all pieces of a package are there.
-- KEYS: 1 the package (hash)
-- ARGV: 1 bytes  2 retention in ms
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'size', ARGV[1], 'used', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
