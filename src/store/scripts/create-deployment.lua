-- Stores a deployment, its jobs and its first event; nothing happens the second time.
-- KEYS: 1 record (hash)  2 jobs (hash)  3 events (stream)  4 secrets (hash)
-- ARGV: 1 deployment (JSON)  2 state  3 first event (JSON)  4 how many secrets  then secret id, sealed (JSON) …  then job id, job (JSON) …
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'deployment', ARGV[1], 'state', ARGV[2])
local jobs = 5 + 2 * tonumber(ARGV[4])
for index = 5, jobs - 1, 2 do redis.call('HSET', KEYS[4], ARGV[index], ARGV[index + 1]) end
for index = jobs, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[index], ARGV[index + 1], ARGV[index] .. '#', '0')
end
redis.call('XADD', KEYS[3], '*', 'e', ARGV[3])
return 1
