-- Have entries found by more names: of each pair, the entry of the key, if there is one, is found by the name.
-- A name that an entry has already stays with that entry.
-- KEYS entries, uuids
-- ARGV wanted...: entry key, name
for at = 1, #wanted, 2 do
  if redis.call('HEXISTS', entries, wanted[at]) == 1 then
    redis.call('HSETNX', uuids, wanted[at + 1], wanted[at])
  end
end
