-- swap-sealed
-- Writes sealed records of one key, each if it is as it was read.
-- KEYS: 1 a hash, or a string
-- ARGV: for each its field, or '' where the key is a string; what was read; what to write
-- Returns how many were written
local written = 0
for index = 1, #ARGV, 3 do
  local field, before, after = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  if field == '' then
    if redis.call('GET', KEYS[1]) == before then
      redis.call('SET', KEYS[1], after, 'KEEPTTL')
      written = written + 1
    end
  elseif redis.call('HGET', KEYS[1], field) == before then
    redis.call('HSET', KEYS[1], field, after)
    written = written + 1
  end
end
return written
