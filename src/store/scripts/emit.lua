-- Appends a batch of events, once, to a stream that exists.
-- KEYS: 1 events (stream)  2 emitters (hash)
-- ARGV: 1 emitter  2 number of the batch  3 bound of the stream  4 retention of the emitters in ms  5… events (JSON)
if tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0') >= tonumber(ARGV[2]) then return 0 end
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for index = 5, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'e', ARGV[index])
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
