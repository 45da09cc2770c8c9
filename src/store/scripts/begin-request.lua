-- Opens an idempotency key, or says how its first request stands.
-- KEYS: 1 the key (hash)
-- ARGV: 1 hash of the body  2 token of this call: repeated after a lost answer, it is still the first  3 ms until an unfinished one is forgotten
local known = redis.call('HMGET', KEYS[1], 'body', 'token', 'status', 'answer')
if not known[1] or (known[2] == ARGV[2] and not known[3]) then
  redis.call('HSET', KEYS[1], 'body', ARGV[1], 'token', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return { 'new' }
end
if known[1] ~= ARGV[1] then return { 'mismatch' } end
if not known[3] then return { 'running' } end
return { 'done', known[3], known[4] }
