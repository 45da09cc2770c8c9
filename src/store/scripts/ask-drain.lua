-- Asks a worker to drain, unless it is gone meanwhile: a wish for nobody would stay for ever.
-- KEYS: 1 records (hash)   ARGV: 1 worker id
-- Returns 1 when it is there, else 0
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1] .. '#drain', 1)
return 1
