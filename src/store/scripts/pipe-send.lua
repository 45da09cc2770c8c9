-- Puts a letter before one end of pipes, if it is listening: a letter for nobody would only wait for its expiry.
-- KEYS: 1 letters (stream)   ARGV: 1 who sends  2 number  3 bytes
-- Returns 1, or 0 when nobody listens
if redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'f', ARGV[1], 'n', ARGV[2], 'b', ARGV[3]) then return 1 end
return 0
