-- swap-field
-- Writes a field of a hash if it is as it was read; an empty one is no field.
-- KEYS: 1 the hash
-- ARGV: 1 field  2 value as read, '' for none  3 value to write, '' for none
local stored = redis.call('HGET', KEYS[1], ARGV[1]) or ''
-- The answer to the same write may have been lost.
if stored ~= ARGV[2] then return stored == ARGV[3] and 1 or 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
return 1
