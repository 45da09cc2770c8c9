-- Puts records behind the end of the chain, if it is this server's turn and the end is as it was read.
-- KEYS: 1 turn (string)  2 marks (hash)  3 chain (stream)  4 checkpoints (stream)  5 inbox (stream)  6 cursors (hash)
-- ARGV: 1 server  2 end as read (JSON), '' for none  3 end to write (JSON)  4 id of the checkpoint to write with it, or ''
--       5 how many of the inbox  6 how many cursors  then ids of the inbox  then deployment, cursor …  then id, number, entry (JSON), hash …
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if (redis.call('HGET', KEYS[2], 'head') or '') ~= ARGV[2] then return 0 end
local at = 7
local cursors = at + tonumber(ARGV[5])
local records = cursors + 2 * tonumber(ARGV[6])
for index = records, #ARGV, 4 do
  redis.call('XADD', KEYS[3], ARGV[index], 'n', ARGV[index + 1], 'e', ARGV[index + 2], 'h', ARGV[index + 3])
end
redis.call('HSET', KEYS[2], 'head', ARGV[3])
if ARGV[4] ~= '' then redis.call('XADD', KEYS[4], ARGV[4], 'm', ARGV[3]) end
for index = at, cursors - 1 do redis.call('XDEL', KEYS[5], ARGV[index]) end
for index = cursors, records - 1, 2 do redis.call('HSET', KEYS[6], ARGV[index], ARGV[index + 1]) end
return 1
