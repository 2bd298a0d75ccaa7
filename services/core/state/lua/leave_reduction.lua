-- Remove the record of an entry's reduction and leave its object behind, with an obsolete claim. Return its storage key,
-- '' if there is no reduction.
local function leave_reduction(reductions, claims, entry_key)
  local record = redis.call('HGET', reductions, entry_key)
  if not record then
    return ''
  end
  local storage_key = cjson.decode(record).storage_key
  redis.call('HDEL', reductions, entry_key)
  redis.call('HSET', claims, storage_key, 'obsolete ' .. entry_key)
  return storage_key
end
