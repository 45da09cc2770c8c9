-- Proves that an attempt still holds its job, and notes when.
-- KEYS: 1 jobs (hash)  2 marks (hash)
-- ARGV: 1 job id  2 attempt  3 worker
-- Returns { held 0|1, cancel requested 0|1, by force 0|1 }, or nil for an unknown job
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if not stored then return nil end
local job = cjson.decode(stored)
local active = job.status == 'preparing' or job.status == 'running' or job.status == 'verifying'
local cancel = job.cancelRequested and 1 or 0
local force = job.cancelForced and 1 or 0
if not active or job.attempt ~= tonumber(ARGV[2]) or job.worker ~= ARGV[3] then return { 0, cancel, force } end
local time = redis.call('TIME')
redis.call('HSET', KEYS[2], 'renewed:' .. ARGV[1], time[1] * 1000 + math.floor(time[2] / 1000))
return { 1, cancel, force }
