"""The system of record: who, what, under which rights, decided how, trained into what."""
