-- Makes an end of pipes found: its stream is there, empty, and expires with it.
-- KEYS: 1 letters (stream)   ARGV: 1 ms after which nobody listens
local found = redis.call('EXISTS', KEYS[1])
if found == 0 then
  redis.call('XADD', KEYS[1], '*', 'f', '')
  redis.call('XTRIM', KEYS[1], 'MAXLEN', 0)
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1 - found
