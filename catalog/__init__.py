"""The system of record: who, what, under which rights, decided how, exported where, trained into what."""
