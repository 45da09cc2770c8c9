-- Writes a lock if it is as it was read; an empty one is no key at all.
-- KEYS: 1 the lock (string)
-- ARGV: 1 lock as read (JSON), '' for none  2 lock to write (JSON), '' for none
local stored = redis.call('GET', KEYS[1]) or ''
if stored ~= ARGV[1] then
  -- The answer to the same write was lost.
  return stored == ARGV[2] and 1 or 0
end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1
