def write(measured, settings): pass
