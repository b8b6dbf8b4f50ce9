#!/bin/sh
# Runs apart from dracut's own shell, so that nothing it sets can leak into init.

/sbin/bellwether-root "$NEWROOT"
