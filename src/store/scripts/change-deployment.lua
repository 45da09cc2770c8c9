-- Moves a deployment from one state to another, once, with its event; the retention begins when it is finished.
-- KEYS: 1 record (hash)  2 events (stream)  3 jobs (hash)  4 marks (hash)  5… whatever else expires with it
-- ARGV: 1 from  2 to  3 event (JSON)  4 bound of the stream  5 retention in ms, or 0  6 '1' to leave it as it is while a job is not settled
--       then field, value … of the record
if redis.call('HGET', KEYS[1], 'state') ~= ARGV[1] then return 0 end
if ARGV[6] == '1' then
  for _, field in ipairs(redis.call('HKEYS', KEYS[3])) do
    if string.sub(field, -1) ~= '#' and redis.call('HEXISTS', KEYS[4], 'settled:' .. field) == 0 then return 0 end
  end
end
redis.call('HSET', KEYS[1], 'state', ARGV[2], unpack(ARGV, 7))
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', 'e', ARGV[3])
if ARGV[5] ~= '0' then
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[5]) end
end
return 1
