-- Asks something of an account, in the place of what was asked before and has not begun; a revocation gives its place to another one only.
-- KEYS: 1 journal (hash)  2 due (sorted set)
-- ARGV: 1 target  2 wish (JSON)
-- Returns 1, or 0 when a revocation waits and this is none
local waiting = redis.call('HGET', KEYS[1], 'wish')
if waiting and cjson.decode(waiting)['kind'] == 'revoke' and cjson.decode(ARGV[2])['kind'] ~= 'revoke' then return 0 end
redis.call('HSET', KEYS[1], 'wish', ARGV[2])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return 1
