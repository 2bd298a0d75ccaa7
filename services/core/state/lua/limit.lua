-- Take one unit from each of several limits, or from none of them when one has nothing left (GCRA, see rate_limits.py).
-- All numbers are whole microseconds: a double holds them exactly, and no rounding can let one request too many pass.
-- KEYS buckets...: one for each limit
-- ARGV numbers...: for each limit its count, and microseconds for each unit
-- Returns {1 when taken, else 0; then for each limit: units left, microseconds until there is one more}
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local taken = 1
local debts = {}
for i, key in ipairs(buckets) do
  local count, step = tonumber(numbers[2 * i - 1]), tonumber(numbers[2 * i])
  local free_at = tonumber(redis.call('GET', key) or now)
  -- Never more than a full window, also when the clock was set back or the limit was made smaller.
  debts[i] = math.min(math.max(free_at - now, 0), count * step)
  if debts[i] > (count - 1) * step then
    taken = 0
  end
end
local answer = {taken}
for i, key in ipairs(buckets) do
  local count, step = tonumber(numbers[2 * i - 1]), tonumber(numbers[2 * i])
  local debt = debts[i]
  if taken == 1 then
    debt = debt + step
    redis.call('SET', key, string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000))
  end
  local left = math.floor((count * step - debt) / step)
  answer[#answer + 1] = left
  answer[#answer + 1] = math.max(0, debt - (count - left - 1) * step)
  if debt == 0 then
    answer[#answer] = 0
  end
end
return answer
