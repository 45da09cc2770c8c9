-- Removes the oldest records up to a place that was signed; a place before the last one removes nothing.
-- KEYS: 1 marks (hash)  2 chain (stream)  3 checkpoints (stream)
-- ARGV: 1 end of what goes as read (JSON), '' for none  2 end of what goes (JSON)  3 id of the first record that stays  4 id of the first checkpoint that stays
if (redis.call('HGET', KEYS[1], 'base') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'base', ARGV[2])
redis.call('XTRIM', KEYS[3], 'MINID', ARGV[4])
return redis.call('XTRIM', KEYS[2], 'MINID', ARGV[3])
