-- Count the use of a ticket for good, before the catalog is written.
-- KEYS uses: of this ticket
-- ARGV upload: its id
-- Returns 1, or 0 if the use is not the upload's any more: it was taken for dead
local state = redis.call('HGET', uses, upload)
if state and state ~= 'counted' then
  redis.call('HSET', uses, upload, 'counted')
end
return state and 1 or 0
