-- Return the entry of the asset that was moved away from where it was found by a name, false if there is none.
local function now_at(moved, order, entries, name)
  local asset = redis.call('HGET', moved, name)
  local entry_key = asset and redis.call('ZRANGE', order, asset, asset, 'BYSCORE')[1]
  return entry_key and redis.call('HGET', entries, entry_key) or false
end
