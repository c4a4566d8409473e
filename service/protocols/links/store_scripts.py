"""The scripts that the store of links runs: each is atomic, and goes by the store's own clock.

What the store has, below one prefix:
- of each link with `max_uses`, its record: the uses that are `left`, and the time in ms until which
  one is `open`;
- of each maker, two sorted sets: its links with `max_uses`, and those that it has revoked;
- of each maker, a list: its links by their ends, by their cursors, and what is sealed of them;
- all revocations in two sorted sets: by when they are dropped, and by their cursors, which only
  grow. A cursor is a time in µs, so that a store that has lost the last ones goes on above them.

All of it ends with its links: sets lose what is over whenever something is added.
"""

from typing import Final

# Whether a maker may have one more, and what keeps it. Times of the sorted sets are in seconds.
_BOUND: Final = """
local now = tonumber(redis.call('TIME')[1])
local function fits(set, most)
  redis.call('ZREMRANGEBYSCORE', set, '-inf', now)
  return redis.call('ZCARD', set) < tonumber(most)
end
local function keep(set, id, kept_until)
  redis.call('ZADD', set, kept_until, id)
  redis.call('EXPIREAT', set, redis.call('ZRANGE', set, -1, -1, 'WITHSCORES')[2])
end
"""
# KEYS: the record, the maker's counted links. ARGV: id, kept until, most, uses.
REGISTER: Final = f"""{_BOUND}
if not fits(KEYS[2], ARGV[3]) then return 0 end
keep(KEYS[2], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1], 'left', ARGV[4], 'open', 0)
redis.call('EXPIREAT', KEYS[1], ARGV[2])
return 1
"""
# KEYS: the record, the maker's counted links. ARGV: id, ms of a window, 1 to look only.
# A link that is used up ends with its last window.
USE: Final = """
local left = tonumber(redis.call('HGET', KEYS[1], 'left'))
if not left then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now < tonumber(redis.call('HGET', KEYS[1], 'open')) then return 1 end
if left < 1 then return 0 end
if ARGV[3] == '1' then return 2 end
local window_end = now + ARGV[2]
redis.call('HSET', KEYS[1], 'left', left - 1, 'open', window_end)
if left == 1 then
  redis.call('PEXPIREAT', KEYS[1], window_end)
  redis.call('ZADD', KEYS[2], 'XX', 'LT', math.floor(window_end / 1000), ARGV[1])
end
return 2
"""
# KEYS: the maker's list by end, by cursor, and what is sealed.
_DROP_LISTED: Final = """
local now = redis.call('TIME')
local function drop(ids)
  if #ids == 0 then return end
  redis.call('ZREM', KEYS[1], unpack(ids))
  redis.call('ZREM', KEYS[2], unpack(ids))
  redis.call('HDEL', KEYS[3], unpack(ids))
end
drop(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now[1], 'LIMIT', 0, 1000))
"""
# KEYS: those three, the maker's revoked links. ARGV: id, kept until, most (1,000 at most), what is
# sealed. A cursor is a time in µs, and grows. What is revoked makes room.
KEEP: Final = f"""{_DROP_LISTED}
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
  drop(redis.call('ZINTER', 2, KEYS[1], KEYS[4]))
end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
local last = tonumber(redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2] or 0)
local cursor = string.format('%.0f', math.max(now[1] * 1000000 + now[2], last + 1))
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[2], cursor, ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[4])
local ends = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
for at = 1, 3 do redis.call('EXPIREAT', KEYS[at], ends) end
return 1
"""
# KEYS: those three. ARGV: the cursor to begin at, most. Returns ids, what is sealed, and the last
# one's cursor if there are more.
LISTED: Final = f"""{_DROP_LISTED}
local found = redis.call(
  'ZREVRANGEBYSCORE', KEYS[2], ARGV[1], '-inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2] + 1)
local ids, last = {{}}, false
for at = 1, math.min(#found, 2 * ARGV[2]), 2 do ids[#ids + 1] = found[at] end
if #ids == 0 then return {{ids, ids, last}} end
if #found > 2 * ARGV[2] then last = found[2 * ARGV[2]] end
return {{ids, redis.call('HMGET', KEYS[3], unpack(ids)), last}}
"""
# KEYS: records. Returns what is left of each, or false.
LEFT: Final = """
local left = {}
for at, key in ipairs(KEYS) do left[at] = redis.call('HGET', key, 'left') end
return left
"""
# KEYS: the revocations by end, by cursor, the last cursor, the maker's revoked links, the record,
# the maker's counted links. ARGV: id, kept until, most. Each call drops more of what is over than
# it adds.
REVOKE: Final = f"""{_BOUND}
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 1 end
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)
if #over > 0 then
  redis.call('ZREM', KEYS[1], unpack(over))
  redis.call('ZREM', KEYS[2], unpack(over))
end
if not fits(KEYS[4], ARGV[3]) then return 0 end
keep(KEYS[4], ARGV[1], ARGV[2])
local time = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[3]) or 0)
local cursor = string.format('%.0f', math.max(time[1] * 1000000 + time[2], last + 1))
redis.call('SET', KEYS[3], cursor)
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[2], cursor, ARGV[1])
redis.call('DEL', KEYS[5])
redis.call('ZREM', KEYS[6], ARGV[1])
return 1
"""
# KEYS: the revocations by end, by cursor. ARGV: the cursor to begin at, most. One text is read
# fifty times as fast as an array of as many elements.
REVOKED: Final = """
local found = redis.call(
  'ZRANGEBYSCORE', KEYS[2], ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
if #found == 0 then return false end
local ids, lines = {}, {}
for at = 1, #found, 2 do ids[#ids + 1] = found[at] end
for at, kept_until in ipairs(redis.call('ZMSCORE', KEYS[1], unpack(ids))) do
  lines[at] = ids[at] .. ' ' .. kept_until
end
return {found[#found], table.concat(lines, '\\n')}
"""
