-- Says that a deployment has something for the record.
-- KEYS: 1 due (sorted set)
-- ARGV: 1 deployment
return redis.call('ZINCRBY', KEYS[1], 1, ARGV[1])
