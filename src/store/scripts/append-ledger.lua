-- Stores entries of a ledger by their place: twice the same changes nothing.
-- KEYS: 1 ledger (hash)
-- ARGV: 1 retention in ms  2… place, entry (JSON) …
for index = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[index], ARGV[index + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
