-- Note the public addresses that answers have from now on. If they are others, everything in the caches is stale.
-- USES log_change
-- KEYS addresses, revision, changes
-- ARGV assets_url: what they begin with
-- ARGV replaces: 1 to replace those of another process, 0 to note them only if there are none
-- ARGV kept: changes that stay in the log
-- Returns 1 if everything in the caches became stale, 2 if there are others and they stay, else 0
local before = redis.call('GET', addresses)
if before == assets_url then
  return 0
end
if before and replaces == '0' then
  return 2
end
redis.call('SET', addresses, assets_url)
if redis.call('EXISTS', revision) == 0 then
  return 0  -- Nothing has ever been written: no page has an address.
end
log_change(changes, revision, kept, 'kind', 'replaced', 'event', '["catalog.replaced",null,{"cause":"addresses"}]')
return 1
