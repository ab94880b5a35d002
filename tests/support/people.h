/* people - registrations as a county has them: names, birth dates, houses and phones drawn by lot (dice.h). */
#ifndef YL_TESTS_SUPPORT_PEOPLE_H
#define YL_TESTS_SUPPORT_PEOPLE_H

#include "tests/support/dice.h"
#include <stdio.h>

/* PID-5 to PID-13 of an HL7 v2 message: name, birth date, sex, address, phone. */
static inline void people_draw(char *out, size_t cap)
{
    static const char families[] = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈";
    static const char givens[] = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉萍红娥玲芬燕彩春菊兰凤洁梅琳素云莲真环雪荣爱妹香月莺媛瑞凡佳嘉";
    char f[4], a[4], b[4];
    roll_character(families, f);
    roll_character(givens, a);
    roll_character(givens, b);
    snprintf(out, cap, "%s^%s%s||%04u%02u%02u|%c|||虚构省平川市白塔区解放路%u号%u栋||138%08u", f, a, b, 1930 + roll(90), 1 + roll(12), 1 + roll(28), roll(2) ? 'M' : 'F', 1 + roll(300),
             1 + roll(30), roll(100000000));
}
#endif
