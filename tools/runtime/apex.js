#!/usr/bin/env node
import '../../bin/apex.js';
