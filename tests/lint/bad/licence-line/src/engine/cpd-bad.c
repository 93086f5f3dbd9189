/* BAD: nothing of a licence */
int x;
