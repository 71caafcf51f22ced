"""Attach rights facts to a source: instruments, evidence, layers, consents, signals.

In: flags (`terms.Terms`) or a file with the tables below. Out: dated facts. Everything is read and
checked before the first fact is written, and all of it is written in one transaction.

    [[instrument]]   id, kind, licence, from, to, text, url, valid, evidence, and its clauses:
                     grants, terms, restrictions, obligations, on_end
    [[layer]]        a layer of RIGHTS section 11, with its basis and signals
    [[consent]]      layer (default likeness), stream, and the fields of a consent basis
    [[signal]]       a signal of RIGHTS section 11; on every copyright layer unless layer is given
    [[evidence]]     file, grade, found, url: the bytes are kept under their sha256
    [[obligation]]   instrument, duty, since, and its state: dormant, due, met or breached
    [settled]        what was settled about the rest of the checklist
"""
