"""How a database of an earlier version becomes one of this version; run by `database.schema`.

There is no way back but the backup made before: an older AutoVoice refuses a newer database.
"""
