-- Notes of a deployment that its logs were removed early.
-- KEYS: 1 record (hash)
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('HSET', KEYS[1], 'logs', 'shed')
