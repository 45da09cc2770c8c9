-- Notes when the lock of an ended job was given back, while its deployment is there. A Redis that lost the end does not take the note:
-- the job may be started once more, and would keep what it is given then.
-- KEYS: 1 jobs (hash)  2 marks (hash)
-- ARGV: 1 job id  2… what a job is that has ended
local job = redis.call('HGET', KEYS[1], ARGV[1])
if not job then return 0 end
local status = cjson.decode(job)['status']
for index = 2, #ARGV do
  if status == ARGV[index] then
    local time = redis.call('TIME')
    return redis.call('HSETNX', KEYS[2], 'settled:' .. ARGV[1], time[1] * 1000 + math.floor(time[2] / 1000))
  end
end
return 0
