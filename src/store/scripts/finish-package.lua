-- Makes an upload the package, when all its pieces are there; a package that is there already stays as it is.
-- KEYS: 1 the package (hash)  2 the upload (hash)
-- ARGV: 1 bytes in clear  2 retention in ms  3 bytes of a piece in clear  4 what sealing adds to a piece  5 the key (JSON)
-- Returns 0 when pieces are missing, else 1
if redis.call('HEXISTS', KEYS[1], 'size') == 1 then
  redis.call('UNLINK', KEYS[2])
else
  local size, piece, tag = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])
  for index = 0, math.ceil(size / piece) - 1 do
    if redis.call('HSTRLEN', KEYS[2], index) ~= math.min(piece, size - index * piece) + tag then return 0 end
  end
  -- A package without bytes has no pieces.
  if size > 0 then redis.call('RENAME', KEYS[2], KEYS[1]) end
  redis.call('HSET', KEYS[1], 'key', ARGV[5])
end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'size', ARGV[1], 'used', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
