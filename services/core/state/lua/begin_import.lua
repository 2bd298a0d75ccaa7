-- Note after which change the upload of an item of an import begins, if its process is still the one to do it.
-- KEYS items, results
-- ARGV item, owner, since, seconds
-- Returns 1 if it may begin
if redis.call('HGET', items, item .. ':owner') ~= owner or redis.call('HEXISTS', results, item) == 1 then
  return 0
end
redis.call('HSETNX', items, item .. ':since', since)
redis.call('EXPIRE', items, seconds)
return 1
