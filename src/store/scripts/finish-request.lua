-- Stores what was answered under an idempotency key.
-- KEYS: 1 the key (hash)
-- ARGV: 1 status  2 body  3 retention in ms
redis.call('HSET', KEYS[1], 'status', ARGV[1], 'answer', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
