-- Writes a lock if it is as it was read; an empty one is no key at all.
-- KEYS: 1 the lock (string)
-- ARGV: 1 lock as read (JSON), '' for none  2 lock to write (JSON), '' for none  3 ms until it may be forgotten, 0 for never
local stored = redis.call('GET', KEYS[1]) or ''
if stored ~= ARGV[1] then
  -- The answer to the same write was lost.
  return stored == ARGV[2] and 1 or 0
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
elseif ARGV[3] == '0' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
