"""Numbers, units, expressions and relations: read, evaluated, compared."""
