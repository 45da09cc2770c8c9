-- Writes a job if nobody wrote it since it was read, with the events that say so.
-- KEYS: 1 jobs (hash)  2 marks (hash)  3 events (stream)
-- ARGV: 1 job id  2 version read  3 version to write  4 job (JSON)  5 mark to set to the time of Redis, or ''  6 bound of the stream  7… events (JSON)
local version = redis.call('HGET', KEYS[1], ARGV[1] .. '#')
if version == ARGV[3] then return 1 end
if version ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4], ARGV[1] .. '#', ARGV[3])
if ARGV[5] ~= '' then
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[2], ARGV[5] .. ':' .. ARGV[1], time[1] * 1000 + math.floor(time[2] / 1000))
end
for index = 7, #ARGV do
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], '*', 'e', ARGV[index])
end
return 1
