-- Answers a request once, whichever server is the first to, and forgets it.
-- KEYS: 1 requests (stream)  2 answers (list)
-- ARGV: 1 group  2 entry  3 answer (JSON), or '' for none  4 ms that an answer is kept
-- Returns 1 when this was the answer
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XDEL', KEYS[1], ARGV[2])
if ARGV[3] ~= '' then
  redis.call('RPUSH', KEYS[2], ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
return 1
