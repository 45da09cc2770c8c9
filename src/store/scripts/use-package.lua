-- Prolongs the life of a package.
-- KEYS: 1 the package (hash)
-- ARGV: 1 retention in ms
-- Returns its bytes, or nil when it is not there or not complete
local size = redis.call('HGET', KEYS[1], 'size')
if not size then return nil end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'used', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return size
