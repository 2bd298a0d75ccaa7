-- Return the number and the fields of the change that this call has made already, if it was sent twice because the
-- answer was lost: within some seconds, then. `write` is its unique token.
local function sent_before(changes, write)
  local since = redis.call('TIME')[1] - 10
  for _, change in ipairs(redis.call('XREVRANGE', changes, '+', since .. '000000', 'COUNT', 1000)) do
    local fields = {}
    for at = 1, #change[2], 2 do
      fields[change[2][at]] = change[2][at + 1]
    end
    if fields.write == write then
      return string.match(change[1], '^%d+'), fields
    end
  end
end
