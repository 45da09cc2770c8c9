-- Appends chunks of lines to a log, once: the first bytes to the head for good, the rest to a tail that forgets its beginning.
-- KEYS: 1 log (hash)  2 head (stream)  3 tail (stream)
-- ARGV: 1 writer  2 number of the batch  3 bytes of the head  4 bytes of the tail  5 retention in ms  then lines, bytes, field, block …
-- A chunk's fields: n number of its first line, c count of lines, o bytes of the log before it, b its bytes, d or z its lines.
-- Its id is the number of its first line, so that a line is found without an index.
local log = redis.call('HMGET', KEYS[1], 'w:' .. ARGV[1], 'lines', 'bytes', 'tail')
if tonumber(log[1] or '0') >= tonumber(ARGV[2]) then return 0 end
local lines, bytes, tail = tonumber(log[2] or '0'), tonumber(log[3] or '0'), tonumber(log[4] or '0')
for index = 6, #ARGV, 4 do
  local count, size = tonumber(ARGV[index]), tonumber(ARGV[index + 1])
  local key = KEYS[3]
  if bytes + size <= tonumber(ARGV[3]) and tail == 0 then key = KEYS[2] else tail = tail + size end
  redis.call('XADD', key, string.format('%.0f-0', lines + 1), 'n', lines + 1, 'c', count, 'o', bytes, 'b', size, ARGV[index + 2], ARGV[index + 3])
  lines, bytes = lines + count, bytes + size
end
while tail > tonumber(ARGV[4]) do
  local oldest = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 2)
  if #oldest < 2 then break end
  tail = tail - tonumber(oldest[1][2][8] or '0')
  redis.call('XDEL', KEYS[3], oldest[1][1])
end
redis.call('HDEL', KEYS[1], 'over')
redis.call('HSET', KEYS[1], 'w:' .. ARGV[1], ARGV[2], 'lines', lines, 'bytes', bytes, 'tail', tail)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[5]) end
return 1
