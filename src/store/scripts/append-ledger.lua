-- Stores entries of a ledger by their place, and puts what is new out for the record: twice the same changes nothing.
-- KEYS: 1 ledger (hash)  2 outbox (stream)
-- ARGV: 1 retention in ms  2 job id  3… place, entry (JSON) …
for index = 3, #ARGV, 2 do
  if redis.call('HSET', KEYS[1], ARGV[index], ARGV[index + 1]) == 1 then
    redis.call('XADD', KEYS[2], '*', 'j', ARGV[2], 'e', ARGV[index + 1])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return 1
