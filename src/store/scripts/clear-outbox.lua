-- Removes what the record has from the outbox of a deployment.
-- KEYS: 1 outbox (stream)
-- ARGV: 1 id of the first entry that stays
redis.call('XTRIM', KEYS[1], 'MINID', ARGV[1])
if redis.call('XLEN', KEYS[1]) > 0 then return 0 end
redis.call('DEL', KEYS[1])
return 1
