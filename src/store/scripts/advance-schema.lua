-- Notes that the store is of another version now, if it was of the one before.
-- KEYS: 1 version (string)
-- ARGV: 1 version before, '' for none  2 version now
local version = redis.call('GET', KEYS[1]) or ''
if version == ARGV[2] then return 1 end
if version ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
