#!/usr/bin/env python3
"""Ten thousand of everything into a site's database while its daemon rests: many.py DATABASE N. What is sealed comes as messages (many.mjs)."""
import sqlite3
import sys
import time

db, n = sqlite3.connect(sys.argv[1]), int(sys.argv[2])
now = int(time.time() * 1000)
HOUR, DAY = 3600000, 86400000
one = lambda sql, *a: db.execute(sql, a).fetchone()
county, dept = one("SELECT id, (SELECT id FROM org WHERE parent_id=o.id AND kind='department' ORDER BY code LIMIT 1) FROM org o WHERE code='YL01'")
who = lambda login: one("SELECT id FROM person WHERE login=?", login)[0]


def copies(table, key_base, change, where="1=1"):
    """n copies of the first row that fits, each changed."""
    q = db.execute(f"SELECT * FROM {table} WHERE {where} LIMIT 1")
    names, row = [c[0] for c in q.description], q.fetchone()
    rows = []
    for i in range(n):
        r = dict(zip(names, row))
        r["id"] = key_base + i
        r.update(change(i))
        rows.append([r[k] for k in names])
    db.executemany(f"INSERT INTO {table} ({','.join(names)}) VALUES ({','.join('?' * len(names))})", rows)


def insert(table, rows):
    names = list(rows[0])
    db.executemany(f"INSERT INTO {table} ({','.join(names)}) VALUES ({','.join('?' * len(names))})", [[r[k] for k in names] for r in rows])


P, S = 1 << 40, 1 << 41
copies("person", P, lambda i: {"login": f"many.{i}", "name": f"众医师{i}", "pinyin": "zhongyishi zys"}, "login='xy.qian'")
insert("post", [{"id": S + i, "person_id": P + i, "org_id": county, "dept_id": dept} for i in range(n)])
insert("post_role", [{"post_id": S + i, "role": "expert"} for i in range(n)])
copies("slot", 1 << 42, lambda i: {"person_id": P + i, "start_ms": now // DAY * DAY + (i % 700) * DAY, "end_ms": now // DAY * DAY + (i % 700) * DAY + HOUR, "state": "published", "case_id": 0}, "case_id=0")
copies("shift", 1 << 43, lambda i: {"person_id": P + i, "org_id": county, "start_ms": now - DAY, "end_ms": now + DAY})
copies("notice", 1 << 44, lambda i: {"person_id": who("xy.zhao"), "created_ms": now - i * 1000, "read_ms": 0})
copies("consult", 1 << 45, lambda i: {"number": f"HZ2025-{i:06}", "state": "SUBMITTED", "target_org_id": county, "target_dept_id": dept, "holder_org_id": county,
                                      "holder_party": "dispatcher", "due_ms": now + i * 1000, "submitted_ms": now - i * 1000, "created_ms": now - i * 60000, "changed_ms": now - i * 1000})
insert("org", [{"id": (1 << 46) + i, "parent_id": county, "kind": "institution", "level": "village", "code": f"V{i}", "name": f"村卫生室{i}", "pinyin": "cunweishengshi cwss", "phone": "", "specialty": "", "active": 1}
               for i in range(n // 10)])
db.commit()
