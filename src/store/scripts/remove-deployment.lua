-- Removes what there is of a deployment that has finished, or that has no record.
-- KEYS: 1 record (hash)  2… whatever goes with it
local state = redis.call('HGET', KEYS[1], 'state')
if state and state ~= 'finished' then return 0 end
for index = #KEYS, 1, -1 do redis.call('UNLINK', KEYS[index]) end
return 1
